//! `softclosectl clean`: removes the counters that programs have left.

use crate::args::Clean;
use crate::printable;
use crate::stats_file::{Removal, StatsFile};
use crate::survey::{Liveness, Survey};
use crate::{complain, print};
use anyhow::{Result, bail};

/// How many files were removed, and how many were left.
#[derive(Debug, Default)]
struct Sums {
    /// Removed: their programs have ended.
    ended: usize,
    /// Removed: there are no counters in them.
    invalid: usize,
    live: usize,
    doubtful: usize,
    failed: usize,
}

/// Removes the files that no process uses, and says how many it has removed and left. A file that cannot be
/// removed keeps no other from being removed. There can be thousands: they are named only where that is asked for.
pub fn run(survey: &Survey, options: &Clean) -> Result<()> {
    let live = survey.programs.iter().filter(|program| program.state == Liveness::Live).count();
    let mut sums = Sums { live, doubtful: survey.doubtful(), ..Sums::default() };
    for file in survey.dead() {
        let path = printable::path(&file.path);
        match removal(file, options.dry_run) {
            Ok(Removal::Removed) => {
                *if file.content.is_ok() { &mut sums.ended } else { &mut sums.invalid } += 1;
                if options.list {
                    print(&format!("{} {path}\n", verb(options.dry_run)))?;
                }
            }
            Ok(Removal::Gone) => {}
            Ok(Removal::Used) => sums.doubtful += 1,
            Err(error) => {
                sums.failed += 1;
                complain(&format!("{path}: {error:#}"));
            }
        }
    }
    print(&sums.text(options.dry_run))?;
    match sums.failed {
        0 => Ok(()),
        1 => bail!("one file could not be removed"),
        count => bail!("{count} files could not be removed"),
    }
}

fn removal(file: &StatsFile, is_dry: bool) -> Result<Removal> {
    if is_dry { Ok(Removal::Removed) } else { file.remove() }
}

fn verb(is_dry: bool) -> &'static str {
    if is_dry { "would remove" } else { "removed" }
}

impl Sums {
    /// One line for each kind of files, and what became of them.
    fn text(&self, is_dry: bool) -> String {
        let (removed, left) = (verb(is_dry), if is_dry { "would leave" } else { "left" });
        let lines = [
            (removed, self.ended, "counters of programs that have ended"),
            (removed, self.invalid, "files with our name and no counters in them"),
            (left, self.live, "in use"),
            (left, self.doubtful, "perhaps in use by a process that cannot be seen,"),
        ];
        let line = |(verb, count, what): &(&str, usize, &str)| match count {
            0 => String::new(),
            count => format!("{verb} {count}: {what}\n"),
        };
        let nothing = if self.ended + self.invalid == 0 { "nothing to remove\n" } else { "" };
        let or_young = if self.doubtful == 0 { "" } else { "    or less than a minute old and without counters\n" };
        [nothing.to_owned()].into_iter().chain(lines.iter().map(line)).chain([or_young.to_owned()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_said() {
        assert_eq!(Sums::default().text(false), "nothing to remove\n");
        assert_eq!(
            Sums { ended: 2, ..Sums::default() }.text(false),
            "removed 2: counters of programs that have ended\n"
        );
        let all = Sums { ended: 150, invalid: 1, live: 3, doubtful: 2, failed: 0 }.text(true);
        let begins =
            ["would remove 150: ", "would remove 1: ", "would leave 3: in use", "would leave 2: perhaps", "    or"];
        assert!(all.lines().zip(begins).all(|(line, begin)| line.starts_with(begin)), "{all}");
        assert!(all.lines().all(|line| line.len() <= 80) && all.lines().count() == begins.len(), "{all}");
    }
}
