//! The whole store as a test sees it: real processes behind the gateway, and the means to disturb them.
