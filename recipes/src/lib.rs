//! Compiles the programs of `MIGRATING.md`, as tests of this documentation.

#[cfg(doctest)]
#[doc = include_str!("../../MIGRATING.md")]
pub struct Migrating;
