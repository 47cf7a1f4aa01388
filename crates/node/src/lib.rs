//! The Comity node: transports, doors, custody, resolver and the journey of a message.
