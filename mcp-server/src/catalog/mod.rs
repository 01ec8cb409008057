//! Which tools a server shows ([`toolset`]), and how it describes them ([`definitions`]).

pub mod definitions;
pub mod toolset;
