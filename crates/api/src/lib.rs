//! Request and response types of the agent's and the operator's API.
