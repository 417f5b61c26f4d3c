"""Small widgets. Each shows what it is given; none reads the guest."""
