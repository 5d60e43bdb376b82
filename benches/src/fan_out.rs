pub fn print() {}
pub fn child(_: &str, _: &str, _: &str) {}
