//! Pages for kinds of programs.

#[doc = include_str!("../docs/terminal.md")]
pub mod terminal {}
