-- Health of a CRD for Argo CD, which calls one Degraded that the API server has not finished with yet.
local conditions = {}
for _, condition in ipairs(obj.status ~= nil and obj.status.conditions or {}) do
  conditions[condition.type] = condition
end

local function is(kind, status)
  return conditions[kind] ~= nil and conditions[kind].status == status
end

if obj.metadata.deletionTimestamp ~= nil or is("Terminating", "True") then
  return {status = "Progressing", message = "the CRD is being deleted"}
end
if is("NamesAccepted", "False") then
  return {status = "Degraded", message = "the names of the CRD are taken: " .. (conditions.NamesAccepted.message or "")}
end
if is("NonStructuralSchema", "True") then
  return {status = "Degraded", message = "the schema of the CRD is not accepted: " .. (conditions.NonStructuralSchema.message or "")}
end
if is("Established", "True") then
  return {status = "Healthy", message = "the CRD is served"}
end
return {status = "Progressing", message = "the API server does not serve the CRD yet"}
