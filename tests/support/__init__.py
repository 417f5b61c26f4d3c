"""What several tests share: fake targets and images compiled for the occasion."""
