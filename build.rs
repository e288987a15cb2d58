//! Links the binary: against the C library, which without the standard library nothing else asks for, and, on x86-64, in
//! a layout of our own.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/main.ld");
    println!("cargo::rustc-link-arg-bins=-lc");
    // Other targets are not position-independent, and are laid out from another address on.
    if std::env::var("TARGET").is_ok_and(|target| target == "x86_64-unknown-linux-musl") {
        // Relocations as bitmaps instead of a table of 24 bytes each; musl applies them since 1.2.4. One table of names, which
        // nobody looks anything up in, and nothing in .dynamic for a debugger to write to.
        println!("cargo::rustc-link-arg-bins=-zpack-relative-relocs");
        println!("cargo::rustc-link-arg-bins=--hash-style=sysv");
        println!("cargo::rustc-link-arg-bins=-zrodynamic");
        println!("cargo::rustc-link-arg-bins=--no-eh-frame-hdr");
        // Cargo links in the root of the workspace.
        println!("cargo::rustc-link-arg-bins=-zmax-page-size=65536");
        println!("cargo::rustc-link-arg-bins=-Tsrc/main.ld");
    }
}
