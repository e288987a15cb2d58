//! Error numbers of Linux and their texts.
//!
//! The texts are worded as glibc words them, because clients see what qemu-ga prints; the C library of a small guest
//! words 73 of them otherwise.

use core::num::NonZeroI32;

/// An error number of Linux (`errno`), as x86, ARM and RISC-V number them. Never 0, so what only fails or not is told in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(NonZeroI32);

impl Errno {
    /// The error of a number; the greatest, which Linux does not know, for 0, which stands for none.
    pub const fn new(number: i32) -> Errno {
        match NonZeroI32::new(number) {
            Some(number) => Errno(number),
            None => Errno(NonZeroI32::MAX),
        }
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0.get()
    }

    /// Operation not permitted
    pub const EPERM: Errno = Errno::new(1);
    /// No such file or directory
    pub const ENOENT: Errno = Errno::new(2);
    /// No such process
    pub const ESRCH: Errno = Errno::new(3);
    /// Interrupted system call
    pub const EINTR: Errno = Errno::new(4);
    /// Input/output error
    pub const EIO: Errno = Errno::new(5);
    /// No such device or address
    pub const ENXIO: Errno = Errno::new(6);
    /// Argument list too long
    pub const E2BIG: Errno = Errno::new(7);
    /// Exec format error
    pub const ENOEXEC: Errno = Errno::new(8);
    /// Bad file descriptor
    pub const EBADF: Errno = Errno::new(9);
    /// No child processes
    pub const ECHILD: Errno = Errno::new(10);
    /// Resource temporarily unavailable
    pub const EAGAIN: Errno = Errno::new(11);
    /// Cannot allocate memory
    pub const ENOMEM: Errno = Errno::new(12);
    /// Permission denied
    pub const EACCES: Errno = Errno::new(13);
    /// Device or resource busy
    pub const EBUSY: Errno = Errno::new(16);
    /// File exists
    pub const EEXIST: Errno = Errno::new(17);
    /// Invalid cross-device link
    pub const EXDEV: Errno = Errno::new(18);
    /// No such device
    pub const ENODEV: Errno = Errno::new(19);
    /// Not a directory
    pub const ENOTDIR: Errno = Errno::new(20);
    /// Is a directory
    pub const EISDIR: Errno = Errno::new(21);
    /// Invalid argument
    pub const EINVAL: Errno = Errno::new(22);
    /// Too many open files
    pub const EMFILE: Errno = Errno::new(24);
    /// Inappropriate ioctl for device
    pub const ENOTTY: Errno = Errno::new(25);
    /// File too large
    pub const EFBIG: Errno = Errno::new(27);
    /// No space left on device
    pub const ENOSPC: Errno = Errno::new(28);
    /// Illegal seek
    pub const ESPIPE: Errno = Errno::new(29);
    /// Read-only file system
    pub const EROFS: Errno = Errno::new(30);
    /// Broken pipe
    pub const EPIPE: Errno = Errno::new(32);
    /// File name too long
    pub const ENAMETOOLONG: Errno = Errno::new(36);
    /// Function not implemented
    pub const ENOSYS: Errno = Errno::new(38);
    /// Too many levels of symbolic links
    pub const ELOOP: Errno = Errno::new(40);
    /// Bad message
    pub const EBADMSG: Errno = Errno::new(74);
    /// Message too long
    pub const EMSGSIZE: Errno = Errno::new(90);
    /// Operation not supported
    pub const EOPNOTSUPP: Errno = Errno::new(95);
    /// Address family not supported by protocol
    pub const EAFNOSUPPORT: Errno = Errno::new(97);
    /// Address already in use
    pub const EADDRINUSE: Errno = Errno::new(98);
    /// Cannot assign requested address
    pub const EADDRNOTAVAIL: Errno = Errno::new(99);
    /// Connection reset by peer
    pub const ECONNRESET: Errno = Errno::new(104);
    /// No buffer space available
    pub const ENOBUFS: Errno = Errno::new(105);
    /// Connection timed out
    pub const ETIMEDOUT: Errno = Errno::new(110);
    /// Stale file handle
    pub const ESTALE: Errno = Errno::new(116);

    /// The text of the number, `None` for a number without one.
    pub fn text(self) -> Option<&'static [u8]> {
        let number = usize::try_from(self.number()).ok()?;
        TEXTS.as_bytes().split(|&byte| byte == b'\n').nth(number).filter(|text| !text.is_empty())
    }
}

/// What stands before the number where there is no text.
pub(crate) const WITHOUT_TEXT: &str = if TEXTS.is_empty() { "errno " } else { "Unknown error " };

/// By number, a line each; empty where Linux has no such number. One text, because a table of them would need an address for
/// each. Without the feature `errno-texts` there are none.
const TEXTS: &str = if cfg!(feature = "errno-texts") { ALL_TEXTS } else { "" };

const ALL_TEXTS: &str = "\
Success\n\
Operation not permitted\n\
No such file or directory\n\
No such process\n\
Interrupted system call\n\
Input/output error\n\
No such device or address\n\
Argument list too long\n\
Exec format error\n\
Bad file descriptor\n\
No child processes\n\
Resource temporarily unavailable\n\
Cannot allocate memory\n\
Permission denied\n\
Bad address\n\
Block device required\n\
Device or resource busy\n\
File exists\n\
Invalid cross-device link\n\
No such device\n\
Not a directory\n\
Is a directory\n\
Invalid argument\n\
Too many open files in system\n\
Too many open files\n\
Inappropriate ioctl for device\n\
Text file busy\n\
File too large\n\
No space left on device\n\
Illegal seek\n\
Read-only file system\n\
Too many links\n\
Broken pipe\n\
Numerical argument out of domain\n\
Numerical result out of range\n\
Resource deadlock avoided\n\
File name too long\n\
No locks available\n\
Function not implemented\n\
Directory not empty\n\
Too many levels of symbolic links\n\
\n\
No message of desired type\n\
Identifier removed\n\
Channel number out of range\n\
Level 2 not synchronized\n\
Level 3 halted\n\
Level 3 reset\n\
Link number out of range\n\
Protocol driver not attached\n\
No CSI structure available\n\
Level 2 halted\n\
Invalid exchange\n\
Invalid request descriptor\n\
Exchange full\n\
No anode\n\
Invalid request code\n\
Invalid slot\n\
\n\
Bad font file format\n\
Device not a stream\n\
No data available\n\
Timer expired\n\
Out of streams resources\n\
Machine is not on the network\n\
Package not installed\n\
Object is remote\n\
Link has been severed\n\
Advertise error\n\
Srmount error\n\
Communication error on send\n\
Protocol error\n\
Multihop attempted\n\
RFS specific error\n\
Bad message\n\
Value too large for defined data type\n\
Name not unique on network\n\
File descriptor in bad state\n\
Remote address changed\n\
Can not access a needed shared library\n\
Accessing a corrupted shared library\n\
.lib section in a.out corrupted\n\
Attempting to link in too many shared libraries\n\
Cannot exec a shared library directly\n\
Invalid or incomplete multibyte or wide character\n\
Interrupted system call should be restarted\n\
Streams pipe error\n\
Too many users\n\
Socket operation on non-socket\n\
Destination address required\n\
Message too long\n\
Protocol wrong type for socket\n\
Protocol not available\n\
Protocol not supported\n\
Socket type not supported\n\
Operation not supported\n\
Protocol family not supported\n\
Address family not supported by protocol\n\
Address already in use\n\
Cannot assign requested address\n\
Network is down\n\
Network is unreachable\n\
Network dropped connection on reset\n\
Software caused connection abort\n\
Connection reset by peer\n\
No buffer space available\n\
Transport endpoint is already connected\n\
Transport endpoint is not connected\n\
Cannot send after transport endpoint shutdown\n\
Too many references: cannot splice\n\
Connection timed out\n\
Connection refused\n\
Host is down\n\
No route to host\n\
Operation already in progress\n\
Operation now in progress\n\
Stale file handle\n\
Structure needs cleaning\n\
Not a XENIX named type file\n\
No XENIX semaphores available\n\
Is a named type file\n\
Remote I/O error\n\
Disk quota exceeded\n\
No medium found\n\
Wrong medium type\n\
Operation canceled\n\
Required key not available\n\
Key has expired\n\
Key has been revoked\n\
Key was rejected by service\n\
Owner died\n\
State not recoverable\n\
Operation not possible due to RF-kill\n\
Memory page has hardware error\n\
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_number_is_an_error_that_nobody_knows() {
        assert_eq!((Errno::new(0).number(), Errno::new(0).text()), (i32::MAX, None));
        assert_eq!((Errno::new(5), Errno::EIO.text()), (Errno::EIO, Some(&b"Input/output error"[..])));
    }
}
