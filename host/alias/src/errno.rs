//! The operating system's refusals in the contract's words.

use memctl_core::Error;
use rustix::io::Errno;

/// Turns "`what` failed with `errno`" into the error a guest can be told. `what` starts with a verb: "map the file".
pub(crate) fn refused(what: &'static str, errno: Errno) -> Error {
    match errno {
        Errno::NOMEM | Errno::MFILE | Errno::NFILE | Errno::AGAIN => Error::OutOfMemory { what },
        Errno::ACCESS | Errno::PERM => Error::Access { right: what },
        Errno::NODEV => {
            Error::Unsupported { why: "this file system can't map its files into memory, read the file instead" }
        }
        other => Error::Io { what, errno: other.raw_os_error() },
    }
}

#[cfg(test)]
mod tests {
    use memctl_core::Code;

    use super::*;

    #[test]
    fn every_kind_of_refusal_has_its_code() {
        for (errno, code) in [
            (Errno::NOMEM, Code::OutOfMemory),
            (Errno::MFILE, Code::OutOfMemory),
            (Errno::NFILE, Code::OutOfMemory),
            (Errno::AGAIN, Code::OutOfMemory),
            (Errno::ACCESS, Code::Access),
            (Errno::PERM, Code::Access),
            (Errno::NODEV, Code::Unsupported),
            (Errno::NOSPC, Code::Io),
            (Errno::DQUOT, Code::Io),
            (Errno::INVAL, Code::Io),
        ] {
            assert_eq!(refused("map the file", errno).code(), code, "{errno}");
        }
    }

    #[test]
    fn an_input_output_error_keeps_its_number() {
        assert_eq!(
            refused("read the file", Errno::NOSPC),
            Error::Io { what: "read the file", errno: Errno::NOSPC.raw_os_error() }
        );
    }
}
