"""Mail and page templates, per language: data, found through importlib.resources."""
