//! picoqga: a QEMU guest agent for guests too small for the usual one.
//!
//! The library is the agent without an operating system: no heap, no threads, no clock and no waiting of its own. From
//! the bottom up:
//!
//! - [`limits`]: every capacity; [`errno`] and [`mod@error`]: what goes wrong, and what the client is told.
//! - [`mod@wipe`]: overwriting secrets.
//! - [`json`]: bytes to tokens and values to bytes; [`base64`]: text in pieces; [`bytes`] and [`lanes`]: many at
//!   a time.
//! - [`request`]: tokens to requests; [`args`]: the arguments of a command, checked and typed.
//! - [`guest`]: what a platform can do; [`command`]: the commands, and the table of them.
//! - [`transport`]: the line to the host; [`agent`]: what ties it all together, a step at a time.
//! - `linux`: the platform that the binary runs on, and `sys`, the only unsafe code.
//!
//! A new platform implements [`guest::Guest`] and the capabilities it has, writes a [`command::Table`], lends an
//! [`agent::Agent`] its buffers, and calls [`agent::Agent::step`]; docs/porting.md goes through it.

#![cfg_attr(not(test), no_std)]
#![deny(unsafe_code, missing_docs)]

pub mod agent;
pub mod args;
pub mod base64;
pub mod bytes;
pub mod command;
pub mod errno;
pub mod error;
pub mod guest;
pub mod json;
pub mod lanes;
pub mod limits;
#[cfg(all(feature = "linux", target_os = "linux"))]
pub mod linux;
pub mod long;
pub mod request;
#[cfg(all(feature = "linux", target_os = "linux"))]
pub mod sys;
pub mod transport;
pub mod wipe;
