//! Overwriting what held a secret, so that neither a core dump nor a swap device has it later.
//!
//! The writes are volatile: the compiler does not leave them out, although nobody reads what they leave.

use zeroize::Zeroize;

/// Overwrites bytes with zeros.
pub fn wipe(bytes: &mut [u8]) {
    // Of a slice as a whole zeroize checks the length, with a panic that the compiler does not see through.
    bytes.iter_mut().zeroize();
}

/// How much of the stack [`wipe_stack`] overwrites: what a secret command takes there, of which hashing a password is most.
const STACK_BYTES: usize = 8 * 1024;

/// Overwrites the stack below the caller, where the functions it called kept what they worked with.
#[inline(never)]
pub fn wipe_stack() {
    wipe(&mut [0; STACK_BYTES]);
}
