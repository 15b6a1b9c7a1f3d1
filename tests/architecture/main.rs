//! The rules of the design that a program can check, each held against the real tree and against a
//! fixture that breaks it: a rule that cannot fail is no rule.

mod asyncapi;
mod dependencies;
mod documents;
mod events;
mod layers;
mod migrations;
mod openapi;
mod references;
mod services;
mod sources;
mod style;
