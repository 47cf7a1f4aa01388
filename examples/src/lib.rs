//! Agents to copy.
