//! What the process was started with.

use core::cell::UnsafeCell;
use core::ffi::{CStr, c_char, c_int};
use core::sync::atomic::{AtomicBool, Ordering};

use super::kernel;

/// The arguments of the process.
#[derive(Clone, Copy, Debug)]
pub struct Arguments {
    next: *const *const c_char,
    left: usize,
}

impl Arguments {
    /// The arguments that `main` was given.
    ///
    /// # Safety
    /// `values` must point to `count` pointers to texts that end with a NUL, all valid for the life of the process, as
    /// the C library hands them to `main`.
    pub unsafe fn new(count: c_int, values: *const *const c_char) -> Self {
        Arguments { next: values, left: usize::try_from(count).unwrap_or(0) }
    }

    /// The argument that comes after `index` others.
    pub fn get(&self, index: usize) -> Option<&'static CStr> {
        if index >= self.left {
            return None;
        }
        // SAFETY: `new` was promised `left` pointers from `next` on, each to a text.
        Some(unsafe { CStr::from_ptr(*self.next.add(index)) })
    }
}

impl Iterator for Arguments {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `new` was promised `left` pointers from `next` on; so this one can be read, and the next is at most one
        // behind the last.
        unsafe {
            let text = CStr::from_ptr(*self.next);
            self.next = self.next.add(1);
            Some(text)
        }
    }
}

unsafe extern "C" {
    /// The environment that this process was started with.
    static environ: *const *const c_char;
}

/// The environment: a list of `NAME=VALUE`, and a null pointer at its end.
pub(super) fn environment_list() -> *const *const c_char {
    // SAFETY: the C library set the variable before `main`, and nobody changes it.
    unsafe { environ }
}

/// The value of a variable of the environment.
#[inline(never)] // smaller so
pub fn environment(name: &CStr) -> Option<&'static CStr> {
    let mut next = environment_list();
    loop {
        // SAFETY: the list ends with a null pointer, and is not read beyond it. Each pointer before is to a text that ends with
        // a NUL. This process never changes its environment, so what is found stays valid.
        let variable = unsafe {
            if (*next).is_null() {
                return None;
            }
            let variable = CStr::from_ptr(*next);
            next = next.add(1);
            variable
        };
        let end = name.count_bytes();
        let bytes = variable.to_bytes();
        if bytes.starts_with(name.to_bytes()) && bytes.get(end) == Some(&b'=') {
            // SAFETY: there is a byte at `end`, so the one behind it is the text's as well, or its NUL.
            return Some(unsafe { CStr::from_ptr(variable.as_ptr().add(end).add(1)) });
        }
    }
}

/// Fills the descriptors 0, 1 and 2 where the process was started without them: else the line to the host could become
/// standard error, and messages go to the host. Answers whether there was a standard error.
pub fn fill_standard_descriptors() -> bool {
    // SAFETY: the call touches no memory.
    let has_error = unsafe { kernel::fcntl(libc::STDERR_FILENO, libc::F_GETFD, 0) } != -1;
    for raw in libc::STDIN_FILENO..=libc::STDERR_FILENO {
        // SAFETY: the calls keep no pointer, and the paths end with a NUL. A new descriptor is the lowest free one, so it is
        // this one; the root directory, which can be neither read nor written, serves where there is no /dev.
        unsafe {
            if kernel::fcntl(raw, libc::F_GETFD, 0) == -1
                && kernel::openat(libc::AT_FDCWD, c"/dev/null".as_ptr(), libc::O_RDWR, 0) == -1
            {
                kernel::openat(libc::AT_FDCWD, c"/".as_ptr(), libc::O_RDONLY, 0);
            }
        }
    }
    has_error
}

fn write_all(raw: c_int, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are readable for their length, and the call keeps no pointer. A descriptor that is closed or
        // full is an error, and the rest is lost: there is nowhere to tell it.
        let written = unsafe { libc::write(raw, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(written) if written > 0 => bytes = bytes.get(written..).unwrap_or_default(),
            _ => return,
        }
    }
}

/// Writes to standard output.
pub fn write_to_standard_output(bytes: &[u8]) {
    write_all(libc::STDOUT_FILENO, bytes);
}

/// Writes to standard error.
pub fn write_to_standard_error(bytes: &[u8]) {
    write_all(libc::STDERR_FILENO, bytes);
}

/// Room of a fixed size outside of the stack, handed out once.
// In this order the flag is in a page that is used anyway.
#[derive(Debug)]
#[repr(C)]
pub struct Once<T> {
    taken: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the value is only reached through `take`, which answers it to one caller ever.
unsafe impl<T: Send> Sync for Once<T> {}

impl<T> Once<T> {
    /// Room for one value.
    pub const fn new(value: T) -> Self {
        Once { taken: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// The value, the first time.
    #[allow(clippy::mut_from_ref)] // the flag makes the reference the only one
    pub fn take(&self) -> Option<&mut T> {
        if self.taken.swap(true, Ordering::AcqRel) {
            return None;
        }
        // SAFETY: the flag was false, so no other reference was or will be made.
        Some(unsafe { &mut *self.value.get() })
    }
}
