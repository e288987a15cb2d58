//! A vsock client for the guest: copies what it reads from standard input to a vsock connection, and what comes back to
//! standard output. busybox has no such thing. It ends when either side does.
//!
//!     vsock-bridge CID PORT <>/dev/vport0p3 >&0
//!
//! With a virtio port as its input and output the host talks through it to an agent that listens on vsock.
//! One file for one call of rustc, so that tests need no further crate; see `transports.py`.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;

/// `struct sockaddr_vm` of the kernel.
#[repr(C)]
struct Address {
    family: u16,
    reserved: u16,
    port: u32,
    cid: u32,
    flags_and_padding: u32,
}

const AF_VSOCK: u16 = 40;
const SOCK_STREAM: i32 = 1;

unsafe extern "C" {
    fn socket(domain: i32, kind: i32, protocol: i32) -> i32;
    fn connect(socket: i32, address: *const Address, size: u32) -> i32;
}

fn open(cid: u32, port: u32) -> std::io::Result<File> {
    let address = Address { family: AF_VSOCK, reserved: 0, port, cid, flags_and_padding: 0 };
    // SAFETY: `socket` takes no pointer. `connect` reads as many bytes of `address` as it is told, and they are all there.
    // A descriptor that `socket` gave is open and nobody else's, so `File` may own it.
    unsafe {
        let descriptor = socket(AF_VSOCK.into(), SOCK_STREAM, 0);
        if descriptor < 0 {
            return Err(std::io::Error::last_os_error());
        }
        let file = File::from_raw_fd(descriptor);
        if connect(descriptor, &address, size_of::<Address>() as u32) < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(file)
    }
}

/// Copies until there is no more, then ends the program: a bridge with one side is of no use.
fn copy(mut from: impl Read, mut to: impl Write) -> ! {
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer) {
            Ok(0) | Err(_) => std::process::exit(0),
            Ok(count) => {
                if to.write_all(&buffer[..count]).and_then(|()| to.flush()).is_err() {
                    std::process::exit(0);
                }
            }
        }
    }
}

fn main() {
    let numbers: Vec<u32> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let [cid, port] = numbers[..] else {
        eprintln!("usage: vsock-bridge CID PORT");
        std::process::exit(2);
    };
    let connection = match open(cid, port) {
        Ok(connection) => connection,
        Err(error) => {
            eprintln!("vsock-bridge: {cid}:{port}: {error}");
            std::process::exit(1);
        }
    };
    let reader = connection.try_clone().expect("a second descriptor for the socket");
    std::thread::spawn(move || copy(reader, std::io::stdout()));
    copy(std::io::stdin(), connection);
}
