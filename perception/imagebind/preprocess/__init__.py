"""From files and arrays to the tensors that the trunks take."""
