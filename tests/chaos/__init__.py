"""Break a real deployment at every point of a recorded one, and look whether the site keeps serving and the next run converges."""
