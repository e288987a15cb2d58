//! Serial lines (termios(3)).

use super::check;
use super::fd::Fd;
use crate::errno::Errno;

/// Makes a serial line pass every byte as it is, both ways, without echo, signals or flow control, and drops what came
/// before. Its speed is left as it is; a line without modem signals never hangs up.
///
/// # Errors
/// Those of tcgetattr(3) and tcsetattr(3): `ENOTTY` for what is no terminal.
pub fn make_raw(fd: &Fd) -> Result<(), Errno> {
    // SAFETY: all-zero is a valid value of this plain structure.
    let mut settings: libc::termios = unsafe { core::mem::zeroed() };
    // SAFETY: the descriptor is open and the structure writable.
    check(unsafe { libc::tcgetattr(fd.raw(), &raw mut settings) })?;
    // SAFETY: the structure is valid.
    unsafe { libc::cfmakeraw(&raw mut settings) };
    settings.c_iflag &= !(libc::IXOFF | libc::IXANY | libc::IMAXBEL | libc::INPCK | libc::IGNPAR);
    settings.c_cflag |= libc::CLOCAL | libc::CREAD;
    settings.c_cc[libc::VMIN] = 1;
    settings.c_cc[libc::VTIME] = 0;
    // SAFETY: the descriptor is open and the structure valid. A failed flush leaves bytes of before, which the parser
    // gets over.
    unsafe {
        libc::tcflush(fd.raw(), libc::TCIFLUSH);
        check(libc::tcsetattr(fd.raw(), libc::TCSANOW, &raw const settings)).map(drop)
    }
}
