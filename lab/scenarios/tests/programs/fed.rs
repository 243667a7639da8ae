// SPDX-License-Identifier: GPL-2.0-or-later
//! A program that waits for its input at home, and gets it when it is away: all of its work it does there.

use mattx_lab::{Node, Result};
use mattx_scenarios::moves::MOMENT;

use super::{LONG, run_in, told};

/// A guest on node 2 that waits for its input.
pub struct Fed<'a> {
    home: &'a Node,
    folder: String,
    pid: u32,
}

impl<'a> Fed<'a> {
    /// Starts `command` in `folder` and moves the process called `name` that it has started by then. Its output goes to
    /// `FOLDER/out`.
    ///
    /// # Errors
    /// When it cannot be moved; the node's failures.
    pub fn start(home: &'a Node, folder: &str, name: &str, command: &str) -> Result<Self> {
        home.write(
            &format!("{folder}/run"),
            format!("{command} < in > out 2> complaints; echo status $? > status\n"),
        )?;
        run_in(
            home,
            folder,
            "rm -f in status; mkfifo in; (setsid sleep 5000 </dev/null 2>/dev/null >in & echo $! > writer); \
             setsid sh run </dev/null >/dev/null 2>&1 &",
        )?;
        let pid = home.wait_until(
            &format!("see {name} wait for its input"),
            MOMENT,
            &format!(
                "pid=$(pgrep -nx {name}) && grep -q pipe /proc/$pid/wchan && echo $pid || {{ cat {folder}/complaints; false; }}"
            ),
        )?;
        let pid = pid.trim().parse().expect("pgrep prints a pid");
        home.sh(&format!("echo migrate {pid} 2 > /proc/mattx/admin"))?;
        home.sh(&format!("grep -q '^{pid}:2' /proc/mattx/remote"))?;
        Ok(Self {
            home,
            folder: folder.to_owned(),
            pid,
        })
    }

    /// Its pid at home.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Gives it what `script` prints; then its input has ended. Returns when it has ended well.
    ///
    /// # Errors
    /// When it does not end; the node's failures.
    pub fn feed(&self, script: &str) -> Result<()> {
        run_in(
            self.home,
            &self.folder,
            &format!("({script}) > in; kill $(cat writer)"),
        )?;
        self.home.wait_until(
            "see it end",
            LONG,
            &format!("test -s {}/status", self.folder),
        )?;
        let end = run_in(self.home, &self.folder, "cat status complaints")?;
        assert!(end.starts_with("status 0"), "{end}");
        Ok(())
    }

    /// It has ended on node 2, and was not home in between.
    ///
    /// # Errors
    /// The node's failures.
    pub fn assert_was_away(&self) -> Result<()> {
        let told = told(self.home, self.pid)?;
        assert!(
            told.contains("ended on node 2, status 0x0") && !told.contains("came home"),
            "{told}"
        );
        Ok(())
    }

    /// It went home by itself, for that reason.
    ///
    /// # Errors
    /// The node's failures.
    pub fn assert_came_home_to(&self, reason: &str) -> Result<()> {
        let told = told(self.home, self.pid)?;
        assert!(
            told.contains(&format!("came home from node 2 to {reason}")),
            "{told}"
        );
        Ok(())
    }
}
