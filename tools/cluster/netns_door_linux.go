package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// openDoor listens on an address inside a network namespace and carries each connection to the same
// address outside, so that one kubeconfig works on both sides. It prints "open" once it listens.
//
//	netns-door /run/netns/NAME 127.0.0.1:6443
func openDoor(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: netns-door NAMESPACE-FILE HOST:PORT")
	}
	listener, err := listenIn(args[0], args[1])
	if err != nil {
		return err
	}
	fmt.Println("open")
	for {
		inside, err := listener.Accept()
		if err != nil {
			return err
		}
		go carry(inside, args[1])
	}
}

// listenIn makes the socket on a thread that has entered the namespace. The thread is never unlocked,
// so the runtime ends it with its goroutine; all other threads stay outside.
func listenIn(namespace, address string) (listener net.Listener, err error) {
	var done sync.WaitGroup
	done.Add(1)
	go func() {
		defer done.Done()
		runtime.LockOSThread()
		var file *os.File
		if file, err = os.Open(namespace); err != nil {
			return
		}
		defer file.Close()
		if err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			err = fmt.Errorf("enter %s: %w", namespace, err)
			return
		}
		listener, err = net.Listen("tcp", address)
	}()
	done.Wait()
	return listener, err
}

func carry(inside net.Conn, address string) {
	defer inside.Close()
	outside, err := net.Dial("tcp", address)
	if err != nil {
		return // the caller sees a closed connection, as from a server that is down
	}
	defer outside.Close()
	ended := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		ended <- struct{}{}
	}
	go pipe(outside, inside)
	go pipe(inside, outside)
	<-ended
}
