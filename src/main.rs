//! The picoqga binary: hands the command line to [`picoqga::linux::start::main`], and stops in a panic.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

use core::ffi::{c_char, c_int};
use core::panic::PanicInfo;

use picoqga::sys::start::{Arguments, write_to_standard_error};

/// Where the C library starts the program.
///
/// # Safety
/// The arguments are those that the C library hands to `main`.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // the one name that the C library looks for
pub unsafe extern "C" fn main(count: c_int, values: *const *const c_char) -> c_int {
    // SAFETY: these are the arguments that the C library hands to `main`, as `new` wants them.
    let arguments = unsafe { Arguments::new(count, values) };
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))] // src/main.ld lays them out for it
    protect_tables();
    picoqga::linux::start::main(arguments)
}

/// Makes the tables with addresses read-only, which are relocated by now; nothing else does in a program that is linked
/// statically. Without it all works as well.
#[cfg(all(target_arch = "x86_64", target_env = "musl"))]
#[allow(unsafe_code)] // where they are is told by the linker
fn protect_tables() {
    unsafe extern "C" {
        static __ehdr_start: u8;
        static tables_end: u8;
    }
    // SAFETY: src/main.ld puts nothing between these but what is never written after the start of the program, and both are
    // at the start of a page.
    unsafe { picoqga::sys::memory::make_read_only(&raw const __ehdr_start, &raw const tables_end) };
}

/// A fault of the agent's own, which no input should lead to: nothing is left frozen, one line, and the end.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    #[cfg(feature = "freeze")]
    picoqga::linux::freeze::thaw_in_panic();
    write_to_standard_error(b"picoqga: internal error, stopping\n");
    picoqga::sys::process::exit(101)
}

/// The compiled core library of debug builds names it; nothing ever unwinds.
#[cfg(debug_assertions)]
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // a name that the linker looks for
extern "C" fn rust_eh_personality() {}
