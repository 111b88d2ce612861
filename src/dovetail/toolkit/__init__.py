"""Request, response, forms, files, middleware, locals and the test client."""
