"""A compiler from MidoNet objects to what the Linux kernel of one host must hold. Pure: values in, values out."""
