// SPDX-License-Identifier: GPL-2.0-or-later
//! `mattx top`: nodes and processes of the cluster as they are now, and moving them by keys.

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mattx_protocol::command::{Command, Target};
use mattx_protocol::local::{Operation, Reply};
use mattx_protocol::model::{NodeId, NodeSample, NodeState, ProcessRef};
use serde_json::json;

use crate::Failure;
use crate::daemon::{Daemon, resolve};
use crate::output::say;
use crate::terminal::{Key, Terminal};
use crate::{ps, status, table};

/// How often the picture is drawn when no key is pressed.
const PATIENCE: Duration = Duration::from_millis(500);
/// Pause before a daemon that went is looked for again.
const RETRY: Duration = Duration::from_secs(1);
const HELP: &str = "q quit  ↑↓ select  m move  h home  b best  s/S sort processes/nodes";
/// Of the lines, those at most that nodes take.
const NODES_SHARE: usize = 2;

/// By what rows are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Processor,
    Memory,
    Number,
    Name,
}

impl Sort {
    fn next(self) -> Self {
        match self {
            Self::Processor => Self::Memory,
            Self::Memory => Self::Number,
            Self::Number => Self::Name,
            Self::Name => Self::Processor,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Processor => "processor time",
            Self::Memory => "memory",
            Self::Number => "number",
            Self::Name => "name",
        }
    }
}

/// What other threads tell.
enum News {
    Reply(Box<Reply>),
    /// The daemon went, with what it said.
    Gone(String),
    /// A command ended.
    Done(String),
}

/// What a key asks for.
#[derive(Debug, PartialEq)]
enum Wish {
    Nothing,
    Quit,
    Move(ProcessRef, String),
}

/// Everything that the picture shows.
struct Screen {
    own: NodeId,
    nodes: BTreeMap<NodeId, NodeSample>,
    processes_by: Sort,
    nodes_by: Sort,
    selected: Option<ProcessRef>,
    /// A destination as far as it is typed.
    typed: Option<String>,
    message: String,
}

/// Shows the cluster until somebody presses q; where nobody can press anything, once.
pub fn run(socket: &Path, as_json: bool, once: bool) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let mut screen = Screen::new(daemon.node);
    if as_json || once || !stdin().is_terminal() || !stdout().is_terminal() {
        for node in daemon.nodes()? {
            screen.nodes.insert(node.id, node);
        }
        if as_json {
            let nodes: Vec<_> = screen.nodes.values().cloned().collect();
            let processes = ps::as_json(&nodes);
            say!("{}", json!({ "nodes": nodes, "processes": processes }));
        } else {
            for line in screen.draw(usize::MAX, usize::MAX, false) {
                say!("{line}");
            }
        }
        return Ok(());
    }
    let (tell, news) = channel();
    let reader = (socket.to_owned(), tell.clone());
    thread::spawn(move || follow(daemon, &reader.0, &reader.1));
    let broken = |error: std::io::Error| Failure::Usage(format!("the terminal fails: {error}"));
    let terminal = Terminal::enter().map_err(broken)?;
    loop {
        let (width, height) = terminal.size();
        let lines = screen.draw(width, height, true);
        terminal.show(&lines).map_err(broken)?;
        for key in terminal.keys(PATIENCE).map_err(broken)? {
            match screen.press(key) {
                Wish::Nothing => {}
                Wish::Quit => return Ok(()),
                Wish::Move(process, target) => {
                    order(socket.to_owned(), process, target, tell.clone());
                }
            }
        }
        screen.hear(&news);
    }
}

/// Tells everything that the daemon tells, and finds it again when it was away.
fn follow(mut daemon: Daemon, socket: &Path, tell: &Sender<News>) {
    loop {
        let end = daemon.follow(|reply| tell.send(News::Reply(Box::new(reply))).is_ok());
        let why = match end {
            Ok(()) => return,
            Err(failure) => failure.to_string(),
        };
        if tell.send(News::Gone(why)).is_err() {
            return;
        }
        daemon = loop {
            thread::sleep(RETRY);
            if let Ok(daemon) = Daemon::connect(socket) {
                break daemon;
            }
        };
    }
}

/// Has a process moved, beside the picture.
fn order(socket: PathBuf, process: ProcessRef, target: String, tell: Sender<News>) {
    thread::spawn(move || {
        let done = carry_out(&socket, process, &target);
        let _ = tell.send(News::Done(match done {
            Ok(()) => format!("process {} of node {}: {target}", process.pid, process.home),
            Err(failure) => failure.to_string(),
        }));
    });
}

fn carry_out(socket: &Path, process: ProcessRef, target: &str) -> Result<(), Failure> {
    let mut daemon = Daemon::connect(socket)?;
    let target = match target {
        "home" => Target::Home,
        "best" => Target::Best,
        name if name.parse::<NodeId>().is_ok() => Target::Node(resolve(&[], name)?),
        name => Target::Node(resolve(&daemon.nodes()?, name)?),
    };
    daemon
        .execute(Command::Migrate { process, target })
        .map(drop)
}

impl Screen {
    fn new(own: NodeId) -> Self {
        Self {
            own,
            nodes: BTreeMap::new(),
            processes_by: Sort::Processor,
            nodes_by: Sort::Number,
            selected: None,
            typed: None,
            message: String::new(),
        }
    }

    fn hear(&mut self, news: &Receiver<News>) {
        while let Ok(news) = news.try_recv() {
            match news {
                News::Reply(reply) => match *reply {
                    Reply::Hello { node, .. } => self.own = node,
                    Reply::Node(sample) => {
                        self.nodes.insert(sample.id, sample);
                    }
                    Reply::Gone(node) => {
                        self.nodes.remove(&node);
                    }
                    Reply::Move(_) | Reply::Answer { .. } => {}
                },
                News::Gone(why) => {
                    self.nodes.clear();
                    self.message = why;
                }
                News::Done(what) => self.message = what,
            }
        }
    }

    /// The processes in the order in which they are shown.
    fn processes<'a>(&self, nodes: &'a [NodeSample]) -> Vec<ps::Row<'a>> {
        let mut rows = ps::rows(nodes, true);
        rows.sort_by(|a, b| match self.processes_by {
            Sort::Processor => b.sample.cpu_percent.total_cmp(&a.sample.cpu_percent),
            Sort::Memory => b.sample.rss_kib.cmp(&a.sample.rss_kib),
            Sort::Number => a.identity.cmp(&b.identity),
            Sort::Name => a.sample.comm.cmp(&b.sample.comm),
        });
        rows
    }

    fn sorted_nodes(&self) -> Vec<NodeSample> {
        let mut nodes: Vec<_> = self.nodes.values().cloned().collect();
        nodes.sort_by(|a, b| match self.nodes_by {
            Sort::Processor => b.cpu_load.cmp(&a.cpu_load),
            Sort::Memory => a.memory_available_mib.cmp(&b.memory_available_mib),
            Sort::Number => a.id.cmp(&b.id),
            Sort::Name => a.name.cmp(&b.name),
        });
        nodes
    }

    fn draw(&self, width: usize, height: usize, colour: bool) -> Vec<String> {
        let nodes = self.sorted_nodes();
        let rows = self.processes(&nodes);
        let up = nodes
            .iter()
            .filter(|node| node.state != NodeState::Down)
            .count();
        let mut lines = vec![format!(
            "MattX: {up} of {} nodes up, {} processes; by {} and {}",
            nodes.len(),
            rows.len(),
            self.nodes_by.word(),
            self.processes_by.word()
        )];
        let limit = (width != usize::MAX).then_some(width);
        let of_nodes = table::render(
            &status::COLUMNS,
            &status::rows(&nodes, self.own),
            colour,
            limit,
        );
        lines.extend(
            of_nodes
                .lines()
                .take(height / NODES_SHARE)
                .map(str::to_owned),
        );
        lines.push(String::new());
        let of_processes = table::render(&ps::COLUMNS, &ps::cells(&rows), colour, limit);
        let chosen = rows
            .iter()
            .position(|row| Some(row.identity) == self.selected);
        let mut of_processes: Vec<_> = of_processes.lines().map(str::to_owned).collect();
        if let Some(line) = chosen.and_then(|index| of_processes.get_mut(index + 1)) {
            *line = format!("\x1b[7m{}\x1b[0m", table::without_codes(line));
        }
        // The heading stays, and what is selected is in sight. Below it there is one line.
        let room = height.saturating_sub(lines.len() + 1);
        let above = chosen.map_or(0, |index| (index + 2).saturating_sub(room));
        let shown = of_processes
            .iter()
            .enumerate()
            .filter(|(index, _)| *index == 0 || *index > above);
        lines.extend(shown.take(room).map(|(_, line)| line.clone()));
        if colour {
            lines.push(match &self.typed {
                Some(typed) => format!("move to node (number, name, address, best): {typed}_"),
                None if self.message.is_empty() => HELP.to_owned(),
                None => self.message.clone(),
            });
        }
        lines
            .into_iter()
            .map(|line| table::cut(&line, width))
            .collect()
    }

    fn press(&mut self, key: Key) -> Wish {
        if key == Key::Interrupt {
            return Wish::Quit;
        }
        if self.typed.is_some() {
            return self.press_while_typing(key);
        }
        self.message.clear();
        match (key, self.selected) {
            (Key::Char('q'), _) => return Wish::Quit,
            (Key::Char('s'), _) => self.processes_by = self.processes_by.next(),
            (Key::Char('S'), _) => self.nodes_by = self.nodes_by.next(),
            (Key::Down | Key::Char('j'), _) => self.select(1),
            (Key::Up | Key::Char('k'), _) => self.select(-1),
            (Key::Escape, _) => self.selected = None,
            (Key::Char('m'), Some(_)) => self.typed = Some(String::new()),
            (Key::Char('h'), Some(process)) => return Wish::Move(process, "home".to_owned()),
            (Key::Char('b'), Some(process)) => return Wish::Move(process, "best".to_owned()),
            (Key::Char('m' | 'h' | 'b'), None) => {
                self.message = "select a process first, with ↑ and ↓".to_owned();
            }
            _ => {}
        }
        Wish::Nothing
    }

    fn press_while_typing(&mut self, key: Key) -> Wish {
        let Some(typed) = &mut self.typed else {
            return Wish::Nothing;
        };
        match key {
            Key::Char(character) => typed.push(character),
            Key::Backspace => {
                typed.pop();
            }
            Key::Escape => self.typed = None,
            Key::Enter => {
                let target = typed.trim().to_owned();
                self.typed = None;
                if let Some(process) = self.selected.filter(|_| !target.is_empty()) {
                    self.message = format!("moving process {} …", process.pid);
                    return Wish::Move(process, target);
                }
            }
            _ => {}
        }
        Wish::Nothing
    }

    /// Selects the process that is `by` further down.
    fn select(&mut self, by: isize) {
        let nodes = self.sorted_nodes();
        let rows = self.processes(&nodes);
        let now = rows
            .iter()
            .position(|row| Some(row.identity) == self.selected);
        let next = match now {
            Some(index) => index
                .saturating_add_signed(by)
                .min(rows.len().saturating_sub(1)),
            None => 0,
        };
        let selected = rows.get(next).map(|row| row.identity);
        self.selected = selected;
    }
}

/// Where [`Operation::Subscribe`] leads.
impl Daemon {
    fn follow(&mut self, mut tell: impl FnMut(Reply) -> bool) -> Result<(), Failure> {
        self.ask(Operation::Subscribe)?;
        while tell(self.read()?) {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mattx_protocol::model::{Pressure, ProcessKind, ProcessSample};

    fn process(pid: u32, comm: &str, cpu_percent: f32, rss_kib: u64) -> ProcessSample {
        ProcessSample {
            pid,
            kind: ProcessKind::Local,
            comm: comm.to_owned(),
            command_line: None,
            user: Some("ann".to_owned()),
            state: 'R',
            cpu_percent,
            rss_kib,
            threads: 1,
        }
    }

    fn node(id: NodeId, cpu_load: u32, processes: Vec<ProcessSample>) -> NodeSample {
        NodeSample {
            id,
            name: format!("node{id}"),
            address: [10, 0, 0, 1].into(),
            state: NodeState::Up,
            cpu_load,
            affinity: 1000,
            cores: vec![0.5],
            memory_total_mib: 1000,
            memory_available_mib: 500,
            pressure: Pressure::default(),
            network_in: 0,
            network_out: 0,
            uptime_s: 60,
            kernel: "7.2".to_owned(),
            module: None,
            insecure: false,
            processes,
        }
    }

    fn screen() -> Screen {
        let mut screen = Screen::new(1);
        let first = vec![
            process(10, "small", 90.0, 10),
            process(11, "large", 5.0, 9999),
        ];
        screen.nodes.insert(1, node(1, 100, first));
        let second = vec![process(10, "other", 50.0, 500)];
        screen.nodes.insert(2, node(2, 3000, second));
        screen
    }

    fn order(screen: &Screen, words: &[&str]) -> Vec<usize> {
        let picture = screen.draw(100, 30, false).join("\n");
        words
            .iter()
            .map(|word| {
                picture
                    .find(word)
                    .unwrap_or_else(|| panic!("{word}: {picture}"))
            })
            .collect()
    }

    #[test]
    fn keys_sort_processes_and_nodes() {
        let mut screen = screen();
        assert!(order(&screen, &["small", "other", "large"]).is_sorted());
        screen.press(Key::Char('s'));
        assert!(order(&screen, &["large", "other", "small"]).is_sorted());
        assert!(order(&screen, &["node1", "node2"]).is_sorted());
        for _ in 0..2 {
            screen.press(Key::Char('S'));
        }
        assert!(order(&screen, &["node2", "node1"]).is_sorted());
    }

    #[test]
    fn a_selected_process_is_moved_where_it_is_typed() {
        let mut screen = screen();
        let other = ProcessRef { home: 2, pid: 10 };
        assert_eq!(screen.press(Key::Char('h')), Wish::Nothing);
        assert!(screen.message.contains("select"));
        screen.press(Key::Down);
        screen.press(Key::Char('j'));
        assert_eq!(screen.selected, Some(other));
        let picture = screen.draw(100, 30, true);
        assert!(
            picture
                .iter()
                .any(|line| line.starts_with("\x1b[7m") && line.contains("other")),
            "{picture:?}"
        );
        assert_eq!(
            screen.press(Key::Char('h')),
            Wish::Move(other, "home".to_owned())
        );
        for key in [
            Key::Char('m'),
            Key::Char('1'),
            Key::Char('q'),
            Key::Backspace,
        ] {
            assert_eq!(screen.press(key), Wish::Nothing);
        }
        assert_eq!(screen.press(Key::Enter), Wish::Move(other, "1".to_owned()));
        assert_eq!(screen.press(Key::Char('q')), Wish::Quit);
    }

    #[test]
    fn the_picture_fits_into_any_terminal_and_shows_what_is_selected() {
        let mut screen = screen();
        let many = (0..100)
            .map(|pid| process(1000 + pid, "one", 1.0, 1))
            .collect();
        screen.nodes.insert(3, node(3, 0, many));
        screen.processes_by = Sort::Number;
        for _ in 0..90 {
            screen.press(Key::Down);
        }
        for (width, height) in [(80, 24), (20, 5), (200, 60)] {
            let picture = screen.draw(width, height, true);
            assert!(
                picture.len() <= height.max(5),
                "{height}: {}",
                picture.len()
            );
            for line in &picture {
                assert!(
                    table::without_codes(line).chars().count() <= width,
                    "{line}"
                );
            }
        }
        let picture = screen.draw(80, 24, true);
        assert!(
            picture.iter().any(|line| line.starts_with("\x1b[7m")),
            "{picture:?}"
        );
    }
}
