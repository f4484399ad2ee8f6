"""Object stores as destinations: s3://, gs://, az://. Needs the extra ``stores``."""
