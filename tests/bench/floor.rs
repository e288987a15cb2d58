//! The floor: a server that does what picoqga is measured by and nothing else. It has no parser: the first byte of a line says
//! what is wanted. Not an agent, but the limit of one.
//!
//!     floor SOCKET FILE
//!
//! One client at a time. `{...` is answered as guest-ping is; `R` and a number with that many bytes of FILE, in base64, in a
//! line; `W` and base64 goes into a file beside FILE. Made by `ci/bench` with rustc alone, so it declares what it calls.
#![no_std]
#![no_main]

use core::ffi::{CStr, c_char, c_int, c_long};

unsafe extern "C" {
    fn socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    fn bind(fd: c_int, address: *const Address, length: u32) -> c_int;
    fn listen(fd: c_int, backlog: c_int) -> c_int;
    fn accept(fd: c_int, address: *mut Address, length: *mut u32) -> c_int;
    fn poll(fds: *mut Poll, count: u64, timeout: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut u8, length: usize) -> isize;
    fn pread(fd: c_int, buffer: *mut u8, length: usize, offset: i64) -> isize;
    fn write(fd: c_int, buffer: *const u8, length: usize) -> isize;
    fn open(path: *const c_char, flags: c_int, mode: c_int) -> c_int;
    fn lseek(fd: c_int, offset: c_long, whence: c_int) -> c_long;
    fn close(fd: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

#[repr(C)]
struct Address {
    family: u16,
    path: [u8; 108],
}

#[repr(C)]
struct Poll {
    fd: c_int,
    events: i16,
    ready: i16,
}

const PONG: &[u8] = b"{\"return\": {}}\n";
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const VALUES: [u8; 256] = {
    let mut values = [0xFF; 256];
    let mut index = 0;
    while index < 64 {
        values[DIGITS[index] as usize] = index as u8;
        index += 1;
    }
    values
};

static mut INPUT: [u8; 65536] = [0; 65536];
static mut BYTES: [u8; 49152] = [0; 49152];
static mut OUTPUT: [u8; 65536] = [0; 65536];

fn send(fd: c_int, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let count = unsafe { write(fd, bytes.as_ptr(), bytes.len()) };
        if count <= 0 {
            return false;
        }
        bytes = &bytes[count as usize..];
    }
    true
}

fn give(client: c_int, file: c_int, count: usize) {
    let (bytes, output) = unsafe { (&mut *(&raw mut BYTES), &mut *(&raw mut OUTPUT)) };
    let mut offset = 0;
    while offset < count {
        let room = bytes.len().min(count - offset);
        let length = unsafe { pread(file, bytes.as_mut_ptr(), room, offset as i64) };
        if length <= 0 {
            break;
        }
        offset += length as usize;
        let mut written = 0;
        for group in bytes[..length as usize].chunks_exact(3) {
            let bits = (group[0] as usize) << 16 | (group[1] as usize) << 8 | group[2] as usize;
            output[written] = DIGITS[bits >> 18];
            output[written + 1] = DIGITS[bits >> 12 & 63];
            output[written + 2] = DIGITS[bits >> 6 & 63];
            output[written + 3] = DIGITS[bits & 63];
            written += 4;
        }
        send(client, &output[..written]);
    }
    send(client, b"\n");
}

/// What a line of base64 is in the middle of.
struct Taking {
    bits: usize,
    digits: u32,
}

fn take(file: c_int, taking: &mut Taking, text: &[u8]) {
    let bytes = unsafe { &mut *(&raw mut BYTES) };
    let mut length = 0;
    for &digit in text {
        taking.bits = taking.bits << 6 | VALUES[digit as usize] as usize;
        taking.digits += 1;
        if taking.digits == 4 {
            bytes[length] = (taking.bits >> 16) as u8;
            bytes[length + 1] = (taking.bits >> 8) as u8;
            bytes[length + 2] = taking.bits as u8;
            length += 3;
            taking.digits = 0;
        }
    }
    send(file, &bytes[..length]);
}

fn serve(client: c_int, file: c_int, sink: c_int) {
    let input = unsafe { &mut *(&raw mut INPUT) };
    let mut line = 0_u8;
    let mut number = 0_usize;
    let mut taking = Taking { bits: 0, digits: 0 };
    loop {
        let mut ready = Poll { fd: client, events: 1, ready: 0 };
        unsafe { poll(&raw mut ready, 1, -1) };
        let length = unsafe { read(client, input.as_mut_ptr(), input.len()) };
        if length <= 0 {
            return;
        }
        let mut rest = &input[..length as usize];
        let output = unsafe { &mut *(&raw mut OUTPUT) };
        let mut pending = 0;
        while let Some(&first) = rest.first() {
            if line == 0 {
                line = first;
                number = 0;
                if first != b'{' {
                    rest = &rest[1..];
                }
                continue;
            }
            let end = rest.iter().position(|&byte| byte == b'\n');
            let text = &rest[..end.unwrap_or(rest.len())];
            match line {
                b'R' => number = text.iter().fold(number, |number, digit| number * 10 + (digit & 15) as usize),
                b'W' => take(sink, &mut taking, text),
                _ => {}
            }
            let Some(end) = end else { break };
            rest = &rest[end + 1..];
            if line == b'R' {
                send(client, &output[..pending]);
                pending = 0;
                give(client, file, number);
            } else {
                if line == b'W' {
                    unsafe { lseek(sink, 0, 0) };
                }
                if pending + PONG.len() > output.len() {
                    send(client, &output[..pending]);
                    pending = 0;
                }
                output[pending..pending + PONG.len()].copy_from_slice(PONG);
                pending += PONG.len();
            }
            line = 0;
        }
        if pending > 0 && !send(client, &output[..pending]) {
            return;
        }
    }
}

#[unsafe(no_mangle)]
extern "C" fn main(_: c_int, words: *const *const c_char) -> c_int {
    let word = |index| unsafe { CStr::from_ptr(*words.add(index)) };
    let mut address = Address { family: 1, path: [0; 108] };
    let path = word(1).to_bytes();
    address.path[..path.len()].copy_from_slice(path);
    let mut beside = [0_u8; 256];
    let file = word(2).to_bytes();
    beside[..file.len()].copy_from_slice(file);
    beside[file.len()..file.len() + 5].copy_from_slice(b".sink");
    unsafe {
        let listener = socket(1, 1, 0);
        if bind(listener, &raw const address, size_of::<Address>() as u32) != 0 || listen(listener, 1) != 0 {
            return 1;
        }
        let file = open(word(2).as_ptr(), 0, 0);
        // O_WRONLY | O_CREAT | O_TRUNC
        let sink = open(beside.as_ptr().cast(), 0o1101, 0o600);
        loop {
            let client = accept(listener, core::ptr::null_mut(), core::ptr::null_mut());
            serve(client, file, sink);
            close(client);
        }
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    unsafe { _exit(101) }
}
