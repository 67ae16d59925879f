//! The fault handlers come in either order.

use std::process::Command;

use memctl_tests::ENGINE_FIRST;

#[test]
fn all_of_it_holds_when_an_engine_was_made_before_the_first_domain() {
    if std::env::var_os(ENGINE_FIRST).is_some() {
        return;
    }
    let tests = std::env::current_exe().expect("this program");
    let run = Command::new(tests).env(ENGINE_FIRST, "1").output().expect("runs again");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
