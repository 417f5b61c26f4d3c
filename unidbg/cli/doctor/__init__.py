"""What `unidbg doctor` looks at: the host, images, and a guest. Each check gives one `Diagnosis`."""
