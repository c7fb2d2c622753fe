"""EMSOFT'22's deep Q-network: whether this image is worth a token, given the bucket and the images before it."""
