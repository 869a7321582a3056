"""What a mail means: which ticket, which verb, allowed or held, and why. Values in, values out."""
