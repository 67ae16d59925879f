//! A program that every toolchain of this machine makes.

use std::fs;

use memctl_cc::{Program, Toolchain};

const HELLO: &str = r#"
#include <stdio.h>
#include <sys/stat.h>
int main(int argc, char **argv) {
    struct stat stat = {0};
    printf("%Lf %d\n", (long double)argc / 3, (int)stat.st_size);
    return 0;
}
"#;

#[test]
fn every_toolchain_that_is_found_makes_a_module() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("hello.c");
    fs::write(&source, HELLO).unwrap();
    Toolchain::find().unwrap();
    for toolchain in Toolchain::all() {
        let output = dir.path().join("new/folder").join(format!("{toolchain}.wasm"));
        let built = Program::new().source(&source).build(&toolchain, &output).unwrap();
        assert!(fs::read(built).unwrap().starts_with(b"\0asm\x01\0\0\0"), "{toolchain}");
    }
}

#[test]
fn what_the_compiler_says_is_in_the_error() {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("bad.c");
    fs::write(&source, "int main(void) { return nowhere; }").unwrap();
    for toolchain in Toolchain::all() {
        let error = Program::new().source(&source).build(&toolchain, &dir.path().join("bad.wasm")).unwrap_err();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }
}
