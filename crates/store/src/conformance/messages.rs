use super::World;
use super::samples::{did, digest};

pub fn the_first_copy_of_a_message_stays(world: &World) {
    let large = vec![0xa5; 300_000];
    let octets = large.clone();
    world.write(move |tx| {
        tx.put_message(&digest("m"), &octets)?;
        tx.put_message(&digest("m"), b"another copy")?;
        tx.put_message(&digest("empty"), b"")
    });
    world.write(|tx| tx.put_message(&digest("m"), b"a third"));
    assert_eq!(world.read(|tx| tx.message(&digest("m"))), Some(large));
    assert_eq!(world.read(|tx| tx.message(&digest("empty"))), Some(vec![]));
    assert_eq!(world.read(|tx| tx.message(&digest("absent"))), None);
    world.write(|tx| {
        tx.remove_message(&digest("m"))?;
        tx.remove_message(&digest("absent"))
    });
    assert_eq!(world.read(|tx| tx.message(&digest("m"))), None);
    assert_eq!(world.read(|tx| tx.message(&digest("empty"))), Some(vec![]));
}

pub fn the_first_copy_of_a_document_stays(world: &World) {
    world.write(|tx| {
        tx.put_document(&digest("d"), &did("bruno"), b"{}", 5)?;
        tx.put_document(&digest("d"), &did("carla"), b"[]", 6)
    });
    let kept = world.read(|tx| tx.document(&digest("d")));
    assert_eq!(kept, Some((did("bruno"), b"{}".to_vec(), 5)));
    assert_eq!(world.read(|tx| tx.document(&digest("absent"))), None);
    // The states of one DID's document, oldest first.
    world.write(|tx| {
        tx.put_document(&digest("newer"), &did("bruno"), b"{2}", 7)?;
        tx.put_document(&digest("other"), &did("carla"), b"{3}", 6)?;
        tx.put_document(&digest("older"), &did("bruno"), b"{0}", 3)
    });
    let states = world.read(|tx| tx.documents_of(&did("bruno")));
    assert_eq!(
        states,
        [
            (b"{0}".to_vec(), 3),
            (b"{}".to_vec(), 5),
            (b"{2}".to_vec(), 7)
        ]
    );
    assert_eq!(world.read(|tx| tx.documents_of(&did("dora"))), []);
}
