//! `softclosectl clean`: removes the counters that programs have left.

use crate::printable;
use crate::stats_file::{Removal, StatsFile};
use crate::survey::{Liveness, Survey};
use crate::{complain, print};
use anyhow::{Result, bail};

/// Removes the files that no process uses, and says what it has removed and what it has left. A file
/// that cannot be removed keeps no other from being removed.
pub fn run(survey: &Survey, is_dry: bool) -> Result<()> {
    let (mut removed, mut kept, mut failed) = (0, survey.doubtful(), 0);
    for file in survey.dead() {
        let path = printable::path(&file.path);
        match removal(file, is_dry) {
            Ok(Removal::Removed) => {
                removed += 1;
                print(&format!("{} {path}\n", if is_dry { "would remove" } else { "removed" }))?;
            }
            Ok(Removal::Gone) => {}
            Ok(Removal::Used) => kept += 1,
            Err(error) => {
                failed += 1;
                complain(&format!("{path}: {error:#}"));
            }
        }
    }
    let live = survey.programs.iter().filter(|program| program.state == Liveness::Live).count();
    print(&summary(removed, live, kept))?;
    match failed {
        0 => Ok(()),
        1 => bail!("one file could not be removed"),
        count => bail!("{count} files could not be removed"),
    }
}

fn removal(file: &StatsFile, is_dry: bool) -> Result<Removal> {
    if is_dry { Ok(Removal::Removed) } else { file.remove() }
}

/// What was left, one line for each kind.
fn summary(removed: usize, live: usize, kept: usize) -> String {
    let line = |count: usize, what: &str| if count == 0 { String::new() } else { format!("left {count}: {what}\n") };
    let nothing = if removed == 0 { "nothing to remove\n" } else { "" };
    let live = line(live, "in use");
    let kept =
        line(kept, "perhaps in use by a process that cannot be seen, or less than a minute old and without counters");
    format!("{nothing}{live}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said() {
        assert_eq!(summary(0, 0, 0), "nothing to remove\n");
        assert_eq!(summary(2, 0, 0), "");
        assert!(summary(1, 3, 2).starts_with("left 3: in use\nleft 2: perhaps in use"));
    }
}
