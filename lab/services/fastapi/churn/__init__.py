"""A small model behind FastAPI: will this customer leave?"""
