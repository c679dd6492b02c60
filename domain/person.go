package domain

import "github.com/google/uuid"

// Person is how far the erasure of one has come. The zero value is one who never asked for it. Values are never
// changed in place.
type Person struct {
	Subject string `json:"subject"`
	Pending bool   `json:"pending"` // asked for, and not done yet
	Erased  bool   `json:"erased"`  // once at least; whoever applies again is held anew
}

// personSpace is the name space of the ids below.
var personSpace = uuid.MustParse("5b7d9a52-30b1-4d0c-9a63-7f2f1c4e8a11")

// PersonID is the one id that a subject's stream can have.
func PersonID(subject string) uuid.UUID { return uuid.NewSHA1(personSpace, []byte(subject)) }

// PersonCommand is a wish that the erasure of a person decides on.
type PersonCommand interface {
	decidePerson(Person) ([]Event, error)
}

type (
	// AskErasure begins the erasure of all that is held: the applications, none of which is erased yet. While one
	// is under way, and where nothing came since the last, there is nothing to record.
	AskErasure struct {
		Subject      string
		Applications []uuid.UUID
	}
	// CertifyErasure ends it.
	CertifyErasure struct {
		Applications []uuid.UUID
		Documents    int
	}
)

// Decide answers a command with the events that it leads to: none when it is satisfied
// already, an *Error when a rule forbids it.
func (p Person) Decide(command PersonCommand) ([]Event, error) { return command.decidePerson(p) }

// Evolve returns the state after the event. Events of other aggregates change nothing.
func (p Person) Evolve(event Event) Person {
	switch e := event.(type) {
	case *ErasureAsked:
		return Person{Subject: e.Subject, Pending: true, Erased: p.Erased}
	case *PersonErased:
		return Person{Subject: e.Subject, Erased: true}
	}
	return p
}

func (c AskErasure) decidePerson(p Person) ([]Event, error) {
	if err := checkText("subject", c.Subject, maxText, true); err != nil {
		return nil, err
	}
	if p.Pending || p.Erased && len(c.Applications) == 0 {
		return nil, nil
	}
	return []Event{&ErasureAsked{c.Subject, c.Applications}}, nil
}

func (c CertifyErasure) decidePerson(p Person) ([]Event, error) {
	if !p.Pending {
		return nil, nil
	}
	return []Event{&PersonErased{p.Subject, c.Applications, c.Documents}}, nil
}
