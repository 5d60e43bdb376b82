//! An HTTP server that loses no request when it stops.
fn main() {}
