//! Where the kernel starts the program, in a static binary that may be anywhere in memory.
//!
//! The C library's start does this as well, and makes ready what is not used here: threads with data of their own, a list of
//! functions to call at the end, the time without a system call. It is two KiB longer. What its functions do rely on is
//! `errno`, which is the thread's own, and `environ`.

use core::cell::UnsafeCell;
use core::ffi::{c_char, c_int};

/// What the C library takes for its data of this thread, of which it begins with the address; `errno` is a number in it. The
/// functions that are used here touch nothing else of it.
#[repr(align(64))]
struct Thread(UnsafeCell<[usize; 32]>);

// SAFETY: there is one thread, and nothing but the C library's functions and `begin` touches it.
unsafe impl Sync for Thread {}

static THREAD: Thread = Thread(UnsafeCell::new([0; 32]));

unsafe extern "C" {
    /// The environment, a variable of the C library.
    static mut environ: *const *const c_char;
    /// Where the C library would start the program, with its arguments.
    fn main(count: c_int, values: *const *const c_char) -> c_int;
}

/// The first instructions. They may not touch what an address has to be written to first.
///
/// # Safety
/// Only the kernel may come here. It leaves the number of arguments on the stack, and behind it pointers to them and, behind a null
/// pointer, to the environment.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn picoqga_start() -> ! {
    // The names are those of src/main.ld.
    core::arch::naked_asm!(
        "xor ebp, ebp",
        "mov rbx, rsp",
        "and rsp, -16",
        "lea rdi, [rip + image_start]",
        "lea rsi, [rip + relocations_start]",
        "lea rdx, [rip + relocations_end]",
        "call {relocate}",
        "mov rdi, rbx",
        "call {begin}",
        relocate = sym relocate,
        begin = sym begin,
    )
}

/// Adds the address of the image to all addresses in it, of which the linker has made a list (RELR, generic ABI): the place of one,
/// then, in numbers that are odd, a bit for each of the 63 words behind.
unsafe extern "C" fn relocate(image: *mut u8, mut list: *const usize, end: *const usize) {
    let offset = image.addr();
    let mut place = image.cast::<usize>();
    // SAFETY: the list is readable up to its end, and what it names are words of the image, which are writable still.
    unsafe {
        while list < end {
            let entry = *list;
            list = list.add(1);
            if entry & 1 == 0 {
                place = image.add(entry).cast();
                *place = (*place).wrapping_add(offset);
                place = place.add(1);
                continue;
            }
            let mut bits = entry >> 1;
            let mut word = place;
            while bits != 0 {
                if bits & 1 != 0 {
                    *word = (*word).wrapping_add(offset);
                }
                word = word.wrapping_add(1);
                bits >>= 1;
            }
            place = place.wrapping_add(63);
        }
    }
}

unsafe extern "C" fn begin(stack: *const usize) -> ! {
    const ARCH_SET_FS: c_int = 0x1002;
    // SAFETY: what the kernel leaves on the stack is as `picoqga_start` says. The thread's data are there for ever.
    unsafe {
        let thread = THREAD.0.get();
        (*thread)[0] = thread.addr();
        core::arch::asm!(
            "syscall",
            inlateout("rax") libc::SYS_arch_prctl => _,
            in("rdi") ARCH_SET_FS,
            in("rsi") thread,
            out("rcx") _,
            out("r11") _,
            options(nostack),
        );
        let count = *stack;
        let values = stack.add(1).cast::<*const c_char>();
        environ = values.add(count).add(1);
        libc::_exit(main(c_int::try_from(count).unwrap_or(0), values))
    }
}
