//! The same check for a process that runs already, whoever has started it: would the shim be loaded if its program were
//! started once more, in the same way?

use super::elf;
use super::finding::Finding;
use std::fs;
use std::path::{Path, PathBuf};

/// What was found about the program of a process. The file is read through procfs: the process may have another root,
/// or the file may have been replaced.
///
/// # Errors
/// The file of this very process cannot be read, so that there is nothing to compare with.
pub fn running(pid: u32) -> Result<Vec<Finding>, String> {
    // The commands and the library are built for one machine.
    let own = elf::read(Path::new("/proc/self/exe"))?;
    let file = PathBuf::from(format!("/proc/{pid}/exe"));
    let mut findings = elf::findings_of_running(&file, &own);
    if is_secure(&fs::read(format!("/proc/{pid}/auxv")).unwrap_or_default()) {
        let text = "this program has more rights than its caller had: its dynamic loader ignores LD_PRELOAD";
        findings.push(Finding::warning(&file, text));
    }
    Ok(findings)
}

/// Whether the kernel has told the loader to ignore `LD_PRELOAD`, by the auxiliary vector (getauxval(3)). It has pairs
/// of words: a type and a value.
fn is_secure(vector: &[u8]) -> bool {
    const AT_SECURE: u64 = 23;
    const WORD: usize = size_of::<u64>();
    let word = |pair: &[u8], at: usize| pair.get(at..)?.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes));
    let pairs = vector.chunks_exact(2 * WORD);
    pairs.filter(|pair| word(pair, 0) == Some(AT_SECURE)).any(|pair| word(pair, WORD) != Some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_could_be_preloaded() {
        let findings = running(std::process::id()).unwrap();
        assert!(findings.is_empty(), "{findings:?}");
    }

    #[test]
    fn secure_execution_is_in_the_auxiliary_vector() {
        let vector = |words: &[u64]| words.iter().flat_map(|word| word.to_ne_bytes()).collect::<Vec<u8>>();
        assert!(is_secure(&vector(&[6, 4096, 23, 1, 0, 0])));
        assert!(!is_secure(&vector(&[6, 23, 23, 0, 0, 0])));
        assert!(!is_secure(&[]));
    }
}
