// SPDX-License-Identifier: GPL-2.0-or-later
//! How the nodes stand in the picture.

use serde::{Deserialize, Serialize};

/// Where nodes stand in the picture.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Layout {
    /// Close together, each with six neighbours, from the middle outwards.
    #[default]
    Honeycomb,
    /// In a square, from the middle outwards.
    Grid,
    /// On circles around the first one.
    Rings,
    /// As they stand in the machine room: rows from the far one to the near one.
    Racks(Vec<Row>),
}

/// A row of racks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// What people call it.
    pub name: String,
    /// Its racks from left to right.
    pub racks: Vec<Rack>,
}

/// A rack.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rack {
    /// What people call it.
    pub name: String,
    /// Its places in order; a free one has no node.
    pub nodes: Vec<Option<String>>,
}
