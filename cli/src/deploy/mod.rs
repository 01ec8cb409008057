//! What `dlt` brings to an account of AWS. `image` makes the worker's image.

pub mod image;
