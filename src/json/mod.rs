//! JSON in QEMU's dialect: bytes to tokens ([`lex`], [`text`]) and values to bytes ([`mod@write`]).

pub mod lex;
pub mod text;
pub mod utf8;
pub mod write;
