"""Who answered each hop of a request, from whichever source tells."""
