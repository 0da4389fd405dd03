"""Face verification (人脸核身): tokens, what the phone shows, and how alike two faces are."""
