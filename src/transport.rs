//! The line to the host.

pub mod fake;

use embedded_io::{Read, ReadReady, Write, WriteReady};

/// What an agent talks over: embedded-io's reader and writer with their readiness.
///
/// The agent reads only while [`ReadReady`] says yes and writes only while [`WriteReady`] does, so it never blocks if
/// the transport keeps these promises:
/// - `read` may give less than asked for; 0 bytes mean that the host hung up. `write` may take less than given.
/// - Readiness that turns out to be false (another reader was faster, a spurious wake-up) is an error of kind
///   [`embedded_io::ErrorKind::Interrupted`]; readiness is then asked again later. A `write` that takes 0 bytes is
///   treated alike.
/// - Any other error means that the line is gone.
pub trait Transport: Read + ReadReady + Write + WriteReady {}

impl<T: Read + ReadReady + Write + WriteReady> Transport for T {}
