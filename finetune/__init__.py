"""What past chats teach: transcripts in, a measured model version out."""
