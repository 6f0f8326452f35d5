"""An embedded Kubernetes API: enough of kube-apiserver and its controllers for one lab or one test, in this process.

Order of reading: ``resource`` (what a kind is), ``store`` (objects and revisions), ``registry`` (what a write means),
``api`` (requests), ``cluster`` (the controllers), ``http_face`` (sockets).
"""
