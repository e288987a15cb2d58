//! Runs a program for which the kernel answers some system calls with an error, as a kernel that does not know them does (ENOSYS),
//! or a sandbox that forbids them (EPERM): `without ERRNO CALL[,CALL...] PROGRAM [WORD...]`. What it starts has them neither.

use std::os::unix::process::CommandExt;

/// The numbers of system calls on x86-64.
const CALLS: [(&str, u32); 19] = [
    ("socket", 41),
    ("clone", 56),
    ("uname", 63),
    ("fsync", 74),
    ("fchmod", 91),
    ("fchown", 93),
    ("mlockall", 151),
    ("mount", 165),
    ("fgetxattr", 193),
    ("clock_gettime", 228),
    ("epoll_create1", 291),
    ("getrandom", 318),
    ("memfd_create", 319),
    ("statx", 332),
    ("fsopen", 430),
    ("fsconfig", 431),
    ("fsmount", 432),
    ("pidfd_open", 434),
    ("close_range", 436),
];

const ERRORS: [(&str, u32); 3] = [("EPERM", 1), ("EAGAIN", 11), ("ENOSYS", 38)];

/// The kernel's `struct sock_filter`.
#[repr(C)]
struct Instruction {
    code: u16,
    if_equal: u8,
    if_not: u8,
    value: u32,
}

/// The kernel's `struct sock_fprog`.
#[repr(C)]
struct Filter {
    length: u16,
    instructions: *const Instruction,
}

unsafe extern "C" {
    fn prctl(option: i32, ...) -> i32;
}

fn find(table: &[(&str, u32)], name: &str) -> u32 {
    table.iter().find(|entry| entry.0 == name).unwrap_or_else(|| panic!("without: {name} is not known here")).1
}

fn main() {
    const LOAD: u16 = 0x20;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ANSWER_ERROR: u32 = 0x0005_0000;
    const ALLOW: u32 = 0x7FFF_0000;
    const SET_NO_NEW_PRIVILEGES: i32 = 38;
    const SET_SECCOMP: i32 = 22;
    const MODE_FILTER: u64 = 2;

    let words: Vec<String> = std::env::args().skip(1).collect();
    let [errno, calls, program, rest @ ..] = words.as_slice() else { panic!("without ERRNO CALL[,CALL...] PROGRAM [WORD...]") };
    let error = ANSWER_ERROR | find(&ERRORS, errno);
    // The number of the call is the first thing that a filter can look at.
    let mut instructions = vec![Instruction { code: LOAD, if_equal: 0, if_not: 0, value: 0 }];
    for name in calls.split(',') {
        instructions.push(Instruction { code: JUMP_IF_EQUAL, if_equal: 0, if_not: 1, value: find(&CALLS, name) });
        instructions.push(Instruction { code: RETURN, if_equal: 0, if_not: 0, value: error });
    }
    instructions.push(Instruction { code: RETURN, if_equal: 0, if_not: 0, value: ALLOW });
    let filter = Filter { length: instructions.len() as u16, instructions: instructions.as_ptr() };
    // SAFETY: the filter and its instructions are valid for the time of the calls, and the kernel copies them.
    unsafe {
        assert_eq!(prctl(SET_NO_NEW_PRIVILEGES, 1_u64, 0_u64, 0_u64, 0_u64), 0, "no new privileges");
        assert_eq!(prctl(SET_SECCOMP, MODE_FILTER, &raw const filter), 0, "the kernel takes no filter");
    }
    panic!("{program}: {}", std::process::Command::new(program).args(rest).exec());
}
