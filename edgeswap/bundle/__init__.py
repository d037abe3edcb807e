"""What an app ships: `make.make_bundle` writes a bundle.zip, `verify.verify` judges one."""
